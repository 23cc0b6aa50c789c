/**
 * The inner loops of the CSV engine, 16 bytes at a time (WebAssembly SIMD). They take the records that are plain and stop
 * before the first one that is not, which `readRecord` of src/csv then reads. Called through src/csv/kernel.ts only.
 */
export { encode, encodedRows, isEncodeCut, isFull, written } from './encode';
export { CAPACITY, input, nulls, output, types } from './memory';
export { blankLines, isScanCut, isStopped, scan, scannedRows } from './scan';
export { typeOf } from './value';
