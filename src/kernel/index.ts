/**
 * The inner loops of the CSV engine, 16 bytes at a time (WebAssembly SIMD), and its rules for types. They take the records that
 * are plain and stop before the first one that is not, which `readRecord` of src/csv then reads. Called through
 * src/csv/kernel.ts only. AssemblyScript: its compiler checks this room in each build; the project's own does not.
 */
export { encode, encodedRows, isFull, written } from './encode';
export { CAPACITY, input, isCut, MAX_COLUMNS, nulls, output, types } from './memory';
export { blankLines, isStopped, scan, scannedRows } from './scan';
export { LONGEST_TYPED, typeOf } from './value';
