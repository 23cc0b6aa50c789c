import Type, { type Static } from 'typebox';
import { FILE_NEWLINES, NEWLINES } from './marks.js';
import { count, described, nullable, oneOf, Seconds, strict } from './schema-parts.js';
import { PHASES, type Phase } from './states.js';

/** How a file is written, and the account of a completed task: parts of the answers in `answers.ts`. */

const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });

export const ReceiptColumn = Type.Object(
  {
    original: Type.String({ description: 'The name in the header of the file.' }),
    name: Type.String({ description: 'The name in the table.' }),
    type: Type.String({ description: 'The type in the table.' }),
    form: Type.Optional(
      Type.String({ description: 'How the values are written, where PostgreSQL writes them otherwise: DD.MM.YYYY.' }),
    ),
    evidence: Type.String({ description: 'Why the column got its type, in one sentence.' }),
    number: Type.Optional(Type.Integer({ description: 'The number of an exported column in its table.' })),
  },
  strict,
);
export type ReceiptColumn = Static<typeof ReceiptColumn>;

const COMPRESSIONS = ['gzip', 'zip'] as const;

export const ShownDialect = Type.Object(
  {
    encoding: Type.String({ description: 'A label of the Encoding Standard, such as windows-1252.' }),
    bom: Type.Boolean({ description: 'Whether the file begins with a byte order mark.' }),
    delimiter: Type.String(),
    quote: nullable(Type.String({ description: 'Null where no character quotes.' })),
    escape: nullable(Type.String({ description: 'The quote itself where quotes are doubled; null for none.' })),
    newline: oneOf(FILE_NEWLINES, { description: 'What ends a record.' }),
    header_rows: count('Records that name the columns; the names of several are joined by a space.'),
    skip_lines: count('Lines above the header that are no records.'),
    skip_space: Type.Boolean({ description: 'Whether spaces after a delimiter belong to no value.' }),
    compression: nullable(oneOf(COMPRESSIONS)),
    source: Type.Record(Type.String(), oneOf(['detected', 'given']), {
      description: 'Where each of these comes from: the file or the request.',
    }),
    warnings: Type.Array(Type.String(), { description: 'What should be checked, one sentence each.' }),
  },
  { ...strict, description: 'How the uploaded file is written.' },
);
export type ShownDialect = Static<typeof ShownDialect>;

export const Repairs = Type.Object(
  {
    count: count('Rows that were repaired.'),
    rules: Type.Record(Type.String(), count(), { description: 'How often by each rule.' }),
    rows: Type.Array(Type.Object({ row: count(), rules: Type.Array(Type.String()) }, strict), {
      description: 'The first thousand of them.',
    }),
  },
  { ...strict, description: 'What malformed=repair has done.' },
);

const ExportFormat = Type.Object(
  {
    encoding: Type.String(),
    bom: Type.Boolean(),
    delimiter: Type.String(),
    quote: Type.String(),
    escape: Type.String(),
    newline: oneOf(NEWLINES, { description: 'The line end.' }),
    header: Type.Boolean(),
    quoted_header: Type.Boolean(),
    quoted: Type.Union([oneOf(['needed', 'all']), Type.Array(Type.Integer({ minimum: 1 }))], {
      description: 'The fields that are quoted although they need not be: none, all, or those of these columns.',
    }),
    final_newline: Type.Boolean(),
    compression: nullable(oneOf(['gzip'])),
  },
  { ...strict, description: 'How the file of a download is written, where the request says.' },
);

export const Receipt = Type.Object(
  {
    rows_in_file: count(),
    rows_loaded: count(),
    rows_rejected: count(),
    bytes: count(),
    sha256: described(Sha256, 'For an upload, of its source; for a download, of its result.'),
    columns: Type.Array(ReceiptColumn),
    parts: count(),
    seconds: Type.Unsafe<Partial<Record<Phase, number>>>(
      Type.Object(Object.fromEntries(PHASES.map((phase) => [phase, Type.Optional(Seconds)])), strict),
    ),
    file: Type.Optional(
      Type.Object({ size: count(), sha256: Sha256 }, { ...strict, description: 'The result of a download.' }),
    ),
    consistency: Type.Optional(oneOf(['live', 'frozen'])),
    formulas: Type.Optional(oneOf(['raw', 'escape'])),
    format: Type.Optional(ExportFormat),
    dialect: Type.Optional(nullable(ShownDialect)),
    repairs: Type.Optional(Repairs),
    same_as_source: Type.Optional(
      Type.Boolean({ description: 'For an export with like_source: whether it is the uploaded file, byte for byte.' }),
    ),
  },
  { ...strict, description: 'The account of a completed task: rows_in_file = rows_loaded + rows_rejected.' },
);
