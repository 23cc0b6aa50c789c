import { csvError } from './csv-error.js';
import { hasBom } from './dialect.js';
import { type ZipEntry, zipEntries } from './zip-entries.js';

/** The bytes of a file's beginning that tell its type. */
export const TYPE_BYTES = 64 * 1024;

/** How a file is packed that holds a CSV file. */
export type Packing = 'gzip' | 'zip';

/** Returns how a file is packed; null for one that is not, or that holds something else than a CSV file. */
export function packingOf(head: Uint8Array): Packing | null {
  if (starts(head, '\x1f\x8b\x08')) return 'gzip';
  const isOther = KINDS.some(({ name, match }) => name !== ZIP && match(head.subarray(0, TYPE_BYTES)));
  return starts(head, 'PK\x03\x04') && !isOther ? 'zip' : null;
}

/**
 * Rejects a file that is not text by its first bytes, of which it reads `TYPE_BYTES`. A single NUL in otherwise
 * readable text passes here: its record is rejected later.
 * @throws {TaskError} empty_file, not_a_text_file (naming the kind), unsupported_encoding (UTF-32)
 */
export function assertText(head: Uint8Array): void {
  if (head.length === 0)
    throw csvError('empty_file', 'The file is empty (0 bytes). Upload a CSV file with a header line.');
  if (head.length === 3 && hasBom(head))
    throw csvError(
      'empty_file',
      'The file holds a byte order mark and nothing else. Upload a CSV file with a header line.',
    );
  const bytes = head.subarray(0, TYPE_BYTES);
  const kind = KINDS.find(({ match }) => match(bytes));
  if (kind) {
    throw csvError('not_a_text_file', `This is ${kind.name}, not a CSV text file. ${kind.advice}`);
  }
  const encoding = wideEncoding(bytes);
  if (encoding === 'UTF-32') {
    throw csvError(
      'unsupported_encoding',
      'The file is encoded as UTF-32. Save it as UTF-8 (in Excel: "CSV UTF-8 (comma delimited)") and upload it again.',
    );
  }
  if (!encoding && looksBinary(bytes)) {
    throw csvError('not_a_text_file', 'The file holds binary data, not text. Export it as CSV and upload that.');
  }
}

interface Kind {
  name: string;
  advice: string;
  match: (bytes: Uint8Array) => boolean;
}

const EXPORT = 'Open it in the program that made it, save it as CSV (UTF-8) and upload that file.';
const UNPACK = 'Unpack it and upload the CSV file inside.';
const CONVERT = 'Convert it to CSV and upload that file.';
const OTHER = 'Upload a CSV file.';
const ZIP = 'a ZIP archive';

// Signatures: https://en.wikipedia.org/wiki/List_of_file_signatures. Letters alone (BZh, PAR1, MZ, BM) could begin a
// header line: a signature of letters needs more bytes to match, which libraries for file types do not ask for
// (decision 28).
const KINDS: Kind[] = [
  { name: 'an Excel workbook (.xlsx)', advice: EXPORT, match: (b) => hasEntry(b, ({ name }) => WORKBOOK.test(name)) },
  { name: 'an OpenDocument spreadsheet (.ods)', advice: EXPORT, match: (b) => hasEntry(b, isOpenDocument) },
  {
    name: 'an Office document',
    advice: EXPORT,
    match: (b) => hasEntry(b, ({ name }) => name === '[Content_Types].xml'),
  },
  { name: ZIP, advice: UNPACK, match: isZip },
  {
    name: 'an old Excel or Office file (.xls)',
    advice: EXPORT,
    match: (b) => starts(b, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'),
  },
  { name: 'a gzip file', advice: UNPACK, match: (b) => starts(b, '\x1f\x8b') },
  { name: 'a bzip2 file', advice: UNPACK, match: (b) => starts(b, 'BZh') && starts(b, '1AY&SY', 4) },
  { name: 'an xz file', advice: UNPACK, match: (b) => starts(b, '\xfd7zXZ\0') },
  { name: 'a Zstandard file', advice: UNPACK, match: (b) => starts(b, '\x28\xb5\x2f\xfd') },
  { name: 'an LZ4 file', advice: UNPACK, match: (b) => starts(b, '\x04\x22\x4d\x18') },
  { name: 'a 7-Zip archive', advice: UNPACK, match: (b) => starts(b, '7z\xbc\xaf\x27\x1c') },
  { name: 'a RAR archive', advice: UNPACK, match: (b) => starts(b, 'Rar!\x1a\x07') },
  { name: 'a tar archive', advice: UNPACK, match: (b) => starts(b, 'ustar', 257) && b.subarray(0, 257).includes(0) },
  { name: 'a Parquet file', advice: CONVERT, match: (b) => starts(b, 'PAR1') && isControl(b[4]) },
  { name: 'an Arrow file', advice: CONVERT, match: (b) => starts(b, 'ARROW1\0\0') },
  { name: 'an Avro file', advice: CONVERT, match: (b) => starts(b, 'Obj\x01') },
  { name: 'a SQLite database', advice: 'Export the table as CSV.', match: (b) => starts(b, 'SQLite format 3\0') },
  { name: 'a PDF document', advice: OTHER, match: (b) => starts(b, '%PDF-') },
  { name: 'a PNG image', advice: OTHER, match: (b) => starts(b, '\x89PNG\r\n\x1a\n') },
  { name: 'a JPEG image', advice: OTHER, match: (b) => starts(b, '\xff\xd8\xff') },
  { name: 'a GIF image', advice: OTHER, match: (b) => starts(b, 'GIF87a') || starts(b, 'GIF89a') },
  { name: 'a program (ELF)', advice: OTHER, match: (b) => starts(b, '\x7fELF') },
  { name: 'a Windows program', advice: OTHER, match: (b) => starts(b, 'MZ\x90\0') },
];

function isZip(bytes: Uint8Array): boolean {
  return starts(bytes, 'PK\x03\x04') || starts(bytes, 'PK\x05\x06');
}

function starts(bytes: Uint8Array, signature: string, at = 0): boolean {
  for (let i = 0; i < signature.length; i++) if (bytes[at + i] !== signature.charCodeAt(i)) return false;
  return true;
}

/** By the names in an archive: in packed bytes any letters occur by chance. */
function hasEntry(bytes: Uint8Array, isIt: (entry: ZipEntry) => boolean): boolean {
  if (!isZip(bytes)) return false;
  for (const entry of zipEntries(bytes)) if (isIt(entry)) return true;
  return false;
}

/** A folder with this name may hold a CSV file. */
const WORKBOOK = /^xl\/.+\.(?:xml|rels|bin)$/;

/** The first entry, which is not packed (OpenDocument 1.3, part 2, 3.3). */
function isOpenDocument({ name, packed }: ZipEntry): boolean {
  return name === 'mimetype' && packed.toString('latin1', 0, 100).includes('opendocument');
}

function isControl(byte: number | undefined): boolean {
  return byte !== undefined && byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27;
}

function wideEncoding(bytes: Uint8Array): 'UTF-16' | 'UTF-32' | undefined {
  if (starts(bytes, '\xff\xfe\0\0') || starts(bytes, '\0\0\xfe\xff')) return 'UTF-32';
  if (starts(bytes, '\xff\xfe') || starts(bytes, '\xfe\xff')) return 'UTF-16';
  return wideWithoutMark(bytes);
}

/**
 * Western text in UTF-16 has a NUL in almost every second byte, in UTF-32 in three of four, always at the same
 * places.
 */
function wideWithoutMark(bytes: Uint8Array): 'UTF-16' | 'UTF-32' | undefined {
  const nuls = [0, 0, 0, 0];
  const groups = bytes.length >> 2;
  if (groups < 2) return undefined;
  for (let i = 0; i < groups * 4; i++) if (bytes[i] === 0) nuls[i & 3]++;
  const [a, b, c, d] = nuls.map((n) => n / groups) as [number, number, number, number];
  if (c > 0.9 && ((b > 0.9 && d > 0.9 && a < 0.5) || (a > 0.9 && b > 0.9 && d < 0.5))) return 'UTF-32';
  const even = (a + c) / 2;
  const odd = (b + d) / 2;
  if ((odd > 0.3 && even < 0.05) || (even > 0.3 && odd < 0.05)) return 'UTF-16';
  return undefined;
}

function looksBinary(bytes: Uint8Array): boolean {
  let control = 0;
  for (let i = 0; i < bytes.length; i++) if (isControl(bytes[i])) control++;
  return control >= 4 && control > bytes.length / 10;
}
