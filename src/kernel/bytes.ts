export const NUL: u32 = 0;
export const TAB: u32 = 9;
export const LF: u32 = 10;
export const CR: u32 = 13;
export const QUOTE: u32 = 34;
export const MINUS: u32 = 45;
export const POINT: u32 = 46;
export const ZERO: u32 = 48;
export const BACKSLASH: u32 = 92;

/** Bytes below this are control characters that may mean something: NUL, tab, LF, CR. */
export const CONTROLS: i8 = 14;

/** Bytes that are looked at in one step. */
export const STEP: usize = 16;

export function byteAt(p: usize): u32 {
  return load<u8>(p);
}

/** One bit for each of the 16 bytes: whether it is a digit. */
export function digitsOf(bytes: v128): u32 {
  return i8x16.bitmask(i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(48)), i8x16.splat(10)));
}
