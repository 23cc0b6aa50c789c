import type { Preview } from '../contract/answers.js';
import type { Dialect } from '../contract/task.js';
import { createEngine } from '../csv/engine.js';
import { emptyEvidence } from '../csv/evidence.js';
import { faultOf } from '../csv/malformed.js';
import { grammarOf, RecordView, readRecord } from '../csv/record.js';
import { lastLine, linesDecoder } from '../dialect/decode-lines.js';
import type { Column } from '../tasks/tasks.js';
import { checkColumns } from './check-head.js';
import { chooseColumns } from './choose-columns.js';
import { type FileOptions, hintsOf } from './file-options.js';
import { type Head, readHead } from './read-head.js';
import { dialectOf, formOf, Rewriter, type UnreadRecord } from './rewriter.js';

/** A head is short: no fast path. */
const csv = createEngine();

/** Records at fault that are named. */
const NAMED = 3;

/**
 * Shows how a file would be loaded, by its beginning: dialect, columns with their types so far, and its first rows.
 * @param bytes the first `HEAD_BYTES` of the file, or all of it
 * @throws {TaskError} what `readHead` finds; invalid_request for a column that is not there
 */
export function previewHead(bytes: Buffer, isWhole: boolean, options: FileOptions, rows: number): Preview {
  const head = readHead(bytes, isWhole, options);
  const { dialect, headers, question } = head;
  if (question !== null) return { dialect, columns: [], rows: [], question, warnings: [question, ...dialect.warnings] };
  const plan = checkColumns(headers, options.columns);
  const text = textOf(head);
  const width = plan.columns.length;
  const scanner = csv.scanner({ dialect: text.dialect, hints: hintsOf(options), columns: width, firstRow: 1 });
  const end = scanner.scan(text.bytes, { baseOffset: 0, final: text.isWhole });
  const evidence = scanner.rows > 0 ? scanner.evidence : Array.from({ length: width }, emptyEvidence);
  const columns = chooseColumns(headers, plan.columns, evidence, options).map(asShown);
  const unread = text.unread ?? scanner.malformed;
  const warnings = [...dialect.warnings, ...describeUnread(unread, scanner.rows)];
  return { dialect, columns, rows: rowsOf(text, end, width, rows), question, warnings };
}

interface Text {
  bytes: Buffer;
  dialect: Dialect;
  isWhole: boolean;
  /** Records that cannot become rows, where they were read one by one. */
  unread?: UnreadRecord[];
}

/** The records of the head as the engine reads them. */
function textOf({ bytes, isWhole, plain, reading }: Head): Text {
  if (plain) return { bytes: bytes.subarray(plain.dataOffset), dialect: plain.dialect, isWhole };
  const source = isWhole ? bytes : bytes.subarray(0, lastLine(bytes, reading.encoding));
  const rewriter = new Rewriter(reading, csv);
  const blocks = [rewriter.take({ ...linesDecoder(reading.encoding)(source), source, sourceOffset: 0 })];
  if (isWhole) blocks.push(rewriter.take(null));
  return {
    bytes: Buffer.concat(blocks.map(({ text }) => text)),
    dialect: dialectOf(formOf(reading)),
    isWhole: true,
    unread: blocks.flatMap((block) => block.unread),
  };
}

function asShown({ original, name, type, form, evidence }: Column): Preview['columns'][number] {
  return {
    name: original,
    ...(name !== original && { rename: name }),
    type,
    ...(form !== undefined && { form }),
    evidence,
  };
}

function describeUnread(unread: readonly { row: number; reason: string }[], rows: number): string[] {
  if (unread.length === 0) return [];
  const named = unread.slice(0, NAMED).map(({ row, reason }) => `row ${row}: ${reason.replaceAll('_', ' ')}`);
  const more = unread.length > NAMED ? ', …' : '';
  return [`Of the first ${rows} rows ${unread.length} cannot be loaded (${named.join(', ')}${more}).`];
}

function rowsOf({ bytes, dialect, isWhole }: Text, end: number, width: number, most: number): Preview['rows'] {
  const grammar = grammarOf(dialect);
  const view = new RecordView(width);
  const whole = isWhole ? Buffer.concat([bytes, Buffer.of(grammar.eol)]) : bytes.subarray(0, end);
  const rows: Preview['rows'] = [];
  for (let at = 0; at < end && rows.length < most; at = view.next) {
    if (!readRecord(whole, at, whole.length - 1, grammar, view)) break;
    if (view.isBlank(width) || faultOf(view, width) !== null) continue;
    rows.push(Array.from({ length: width }, (_, k) => textOfField(whole, view, k)));
  }
  return rows;
}

function textOfField(bytes: Buffer, view: RecordView, k: number): string | null {
  const { bytes: content, start, end, isNull } = view.field(bytes, k);
  return isNull ? null : content.toString('utf8', start, end);
}
