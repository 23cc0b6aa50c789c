import { MAX_COLUMNS } from '../contract/limits';
import { LEFT_ROOM, MAX_LEFT } from '../csv/type-codes';

/** Bytes of CSV that are looked at in one call, and of output that it may fill. */
export const CAPACITY: i32 = 1 << 17;

// Bytes are read and written 16 at a time, so there is room after what counts: reads begin before the end of the
// input, and end 15 bytes after it; writes begin at the end of the output at the latest, and end 32 bytes after it (a
// row number is stored whole).
const ROOM: i32 = 64;
const LENGTH: i32 = CAPACITY + ROOM;
export const input: usize = memory.data(LENGTH, 16);
export const output: usize = memory.data(LENGTH, 16);

/** Type codes of the columns, one byte each. */
export const types: usize = memory.data(MAX_COLUMNS, 16);
/** NULLs found per column, u32; added to. */
export const nulls: usize = memory.data(MAX_COLUMNS * 4, 16);
/** Columns that are NULL in the record at hand, u16: counted when the record is known to be well formed. */
export const nullColumns: usize = memory.data(MAX_COLUMNS * 2, 16);

/**
 * Values of watched columns: the column, u32 with IS_QUOTED, then the address of the value and that of its end, u32.
 */
export const SPAN: usize = 12;
export const IS_QUOTED: u32 = 1 << 31;
const MAX_SPANS: i32 = 2 * MAX_COLUMNS;
export const spans: usize = memory.data(12 * MAX_SPANS, 16);
export const spansEnd: usize = spans + SPAN * usize(MAX_SPANS);

/**
 * Values whose records are left: each in LEFT_ROOM bytes, then the length of each, u8, and a bit for each length among
 * them, u64.
 */
export const left: usize = memory.data(LEFT_ROOM * MAX_LEFT, 16);
export const leftSizes: usize = memory.data(MAX_LEFT, 16);
export const leftLengths: usize = memory.data(8, 16);

/** The number of the next row in decimal digits, which end at byte 24: room to store it whole from any of them. */
export const DIGITS_END: i32 = 24;
export const digits: usize = memory.data(DIGITS_END + 32, 16);

/** Result of the last call: the bytes end within a quoted value. */
export let isCut: bool = false;

export function setCut(value: bool): void {
  isCut = value;
}
