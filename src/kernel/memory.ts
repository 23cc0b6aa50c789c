/** Bytes of CSV that are looked at in one call, and of output that it may fill. */
export const CAPACITY: usize = 1 << 17;

// Whole steps are read and written: behind what counts there is room for some.
export const input: usize = memory.data((1 << 17) + 64, 16);
export const output: usize = memory.data((1 << 17) + 64, 16);

/** Type codes of the columns, one byte each. PostgreSQL has at most 1,600 (manual, appendix K). */
export const types: usize = memory.data(1600, 16);
/** NULLs met per column, u32; added to. */
export const nulls: usize = memory.data(6400, 16);
/** Columns that are NULL in the record at hand, u16: counted when the record is known to be well formed. */
export const nullColumns: usize = memory.data(3200, 16);
/** The number of the next row in decimal digits, which end at the 24th byte. */
export const digits: usize = memory.data(40, 16);
