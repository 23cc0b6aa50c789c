import { readFileSync } from 'node:fs';
import { parseSync } from 'vite';
import { inProject } from '../../launcher/paths.js';

type ParseResult = ReturnType<typeof parseSync>;

/** The longest line of a comment or a page, in characters. */
const MAX_COLUMNS = 120;

/** A comment, a text or a page, without the code in it. */
export interface Prose {
  /** The line of its file at which it starts, from 1. */
  line: number;
  text: string;
}

const sources = new Map<string, string>();
const read = (file: string) => {
  if (!sources.has(file)) sources.set(file, readFileSync(inProject(file), 'utf8'));
  return sources.get(file)!;
};

const proses = new Map<string, Prose[]>();
/** Returns the prose of a page of documentation or of a source. */
export function proseOf(file: string): Prose[] {
  if (!proses.has(file)) proses.set(file, isPage(file) ? proseOfPage(file) : proseOfSource(file));
  return proses.get(file)!;
}

/** Tells whether a file is a text for people rather than a source. */
function isPage(file: string): boolean {
  return /\.(?:md|example)$/.test(file);
}

/** Returns a page without code, targets of links and names of files. Line breaks stay, so that lines count. */
function proseOfPage(file: string): Prose[] {
  const text = withoutCode(pageOf(file))
    .replace(/\]\([^)]*\)/g, ']')
    .replace(/\[[\w-]+(?:\/[\w.-]+)+\]/g, '[]');
  return [{ line: 1, text }];
}

/** Returns the text of a page, of the changelog only what is not released: a published entry never changes. */
function pageOf(file: string): string {
  const text = read(file);
  if (file !== 'CHANGELOG.md') return text;
  const [head, pending] = text.split(/^(?=## )/m);
  return `${head}${pending}`;
}

const emptied = (block: string) => block.replace(/[^\n]/g, '');
const withoutBlocks = (text: string) => text.replace(/^```[\s\S]*?^```/gm, emptied);

const withoutCode = (text: string) =>
  withoutBlocks(text)
    .replace(/`[^`\n]*`/g, '``')
    .replace(/\{@link [^}]*\}/g, '');

/** Returns the comments of a source and its texts of two words and more; of a test only the titles. */
function proseOfSource(file: string): Prose[] {
  const source = read(file);
  const { comments, program } = parse(file);
  const lineAt = (offset: number) => source.slice(0, offset).split('\n').length;
  const texts: Prose[] = comments.map(({ start, value }) => ({
    line: lineAt(start),
    text: withoutCode(asLines(value)),
  }));
  for (const { start, text } of collectTexts(program, file.startsWith('test/'))) {
    if (/\w \w/.test(text)) texts.push({ line: lineAt(start), text: text.replace(/`[^`\n]*`/g, '``') });
  }
  return texts;
}

const trees = new Map<string, ParseResult>();
function parse(file: string): ParseResult {
  const parsed = trees.get(file) ?? parseSync(file, read(file));
  trees.set(file, parsed);
  if (parsed.errors.length > 0) throw new Error(`${file}: ${parsed.errors[0]!.message}`);
  return parsed;
}

/** Removes the stars at the margin of a comment, which would separate two words at a line break. */
const asLines = (comment: string) => comment.replace(/^\s*\* ?/gm, '');

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

/** Collects the literals of a tree; with `titlesOnly`, those that are the first argument of a test or a suite. */
function collectTexts(value: unknown, titlesOnly: boolean, texts: { start: number; text: string }[] = []) {
  if (Array.isArray(value)) for (const item of value) collectTexts(item, titlesOnly, texts);
  if (!isNode(value)) return texts;
  if (titlesOnly && value.type === 'CallExpression' && isTest(value.callee)) {
    collectTexts((value.arguments as unknown[])[0], false, texts);
  } else if (!titlesOnly && value.type === 'Literal' && typeof value.value === 'string') {
    texts.push({ start: value.start, text: value.value });
  } else if (!titlesOnly && value.type === 'TemplateElement') {
    texts.push({ start: value.start, text: (value.value as { raw: string }).raw });
  }
  for (const child of Object.values(value)) {
    if (typeof child === 'object' && child !== null) collectTexts(child, titlesOnly, texts);
  }
  return texts;
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';

/** Returns whether a callee is `it`, `test` or `describe`, also by way of `.each(…)`, `.skip` and the like. */
function isTest(callee: unknown): boolean {
  if (!isNode(callee)) return false;
  if (callee.type === 'Identifier') return ['it', 'test', 'describe'].includes(callee.name as string);
  return isTest(callee.object ?? callee.callee ?? callee.tag);
}

/**
 * Returns the numbers of lines over 120 columns in comments and pages. Exempt are rows of tables, since Markdown cannot
 * break them; code in a page; lines of one word, such as an address; and results that a command writes.
 */
export function longLinesOf(file: string): number[] {
  const text = isPage(file)
    ? withoutBlocks(pageOf(file)).replace(/<!-- results: [\s\S]*?<!-- results end/, emptied)
    : read(file);
  const commented = isPage(file) ? undefined : commentLinesOf(file);
  return text.split('\n').flatMap((line, index) => {
    const isProse = commented ? commented.has(index + 1) : !line.startsWith('|');
    return isProse && line.length > MAX_COLUMNS && /\S\s+\S/.test(line.trim()) ? [index + 1] : [];
  });
}

function commentLinesOf(file: string): Set<number> {
  const source = read(file);
  const lines = new Set<number>();
  for (const { start, end } of parse(file).comments) {
    const first = source.slice(0, start).split('\n').length;
    const count = source.slice(start, end).split('\n').length;
    for (let line = first; line < first + count; line += 1) lines.add(line);
  }
  return lines;
}
