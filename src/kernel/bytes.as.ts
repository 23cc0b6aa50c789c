export const NUL: u32 = 0;
export const TAB: u32 = 9;
export const LF: u32 = 10;
export const CR: u32 = 13;
export const SPACE: u32 = 32;
export const QUOTE: u32 = 34;
export const MINUS: u32 = 45;
export const POINT: u32 = 46;
export const ZERO: u32 = 48;
export const NINE: u32 = 57;
export const COLON: u32 = 58;
export const BACKSLASH: u32 = 92;

/** Bytes that are looked at in one step. */
export const STEP: usize = 16;

/** Bytes below this are control characters that may mean something: NUL, tab, LF, CR. */
const CONTROLS_END: i8 = 14;

export function byteAt(p: usize): u32 {
  return load<u8>(p);
}

// For each of the 16 bytes all ones or zeros; `i8x16.bitmask` makes one bit of each.

export function areEqual(bytes: v128, byte: u32): v128 {
  return i8x16.eq(bytes, i8x16.splat(i8(byte)));
}

export function areControls(bytes: v128): v128 {
  return i8x16.lt_u(bytes, i8x16.splat(CONTROLS_END));
}

export function areDigits(bytes: v128): v128 {
  return i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(i8(ZERO))), i8x16.splat(10));
}
