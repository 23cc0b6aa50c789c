// Numbers that more than one module uses. The kernel's compiler reads this file too: plain numbers only.

/** PostgreSQL takes 1,600 columns in a table (manual, appendix K); one is `_row`. */
export const MAX_COLUMNS = 1599;

/** PostgreSQL cuts identifiers after 63 bytes (NAMEDATALEN - 1), with a NOTICE only. */
export const MAX_NAME_BYTES = 63;

/**
 * A part of a file has about this many bytes in its first GiB, later more: few enough activities, and enough parts to
 * keep the window full.
 */
export const PART_BYTES = 16777216;

/** The longest record of a file that is read, in bytes. */
export const MAX_RECORD_BYTES = 33554432;

/**
 * By how much a buffer grows for a record that does not fit: in few steps, since the outgrown buffers are garbage that
 * is collected late. Doubling left as much of it as the record itself takes.
 */
export const GROWTH = 8;
