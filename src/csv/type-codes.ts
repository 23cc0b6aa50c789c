// The kernel's compiler reads this file too: plain numbers only.

/** A column without a value so far. */
export const NONE = 0;
export const INTEGER = 1;
export const BIGINT = 2;
export const NUMERIC = 3;
export const DATE = 4;
export const TIMESTAMP = 5;
export const UUID = 6;
export const TEXT = 7;

/** Flags a number column for the fast path: no value has more than three digits before the point. */
export const SMALL = 8;

/** Added to a code for the fast path: each value of the column is handed over, since it may have a form. */
export const WATCHED = 16;

/** Added to TEXT for the fast path: it leaves records that have one of the values to leave in the column. */
export const LEAVES = 32;

/** The max number of values to leave, and the max bytes of each. */
export const MAX_LEFT = 16;
export const LEFT_BYTES = 63;
/** The bytes of memory that each takes. */
export const LEFT_ROOM = 64;

/** `numeric` keeps every digit it is given; 100 is far below its limits and bounds the work per value. */
export const MAX_DIGITS = 100;
