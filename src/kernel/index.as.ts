/**
 * The inner loops of the CSV engine, 16 bytes at a time (WebAssembly SIMD). They take the records that are plain and
 * stop before the first one that is not, which `readRecord` of src/csv then reads. Each file `*.as.ts` is
 * AssemblyScript: its compiler checks them in each build, the project's own does not. The other files join them to
 * src/csv.
 */
export { encode, encodedRows, isFull, written } from './encode.as';
export { CAPACITY, input, isCut, left, leftLengths, leftSizes, nulls, output, spans, types } from './memory.as';
export { isStopped, scan, scannedRows, spanned } from './scan.as';
