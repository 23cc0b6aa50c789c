/**
 * `npm run bench:pollock -- --data DIR --out DIR [--given | --detect] [--through engine | service]`: reads the polluted
 * files of the Pollock benchmark (Vitagliano et al., VLDB 2023), by the engine alone or by an upload and a download
 * each, writes `<name>_converted.csv` for each `csv/<name>` and prints the scores. DIR of the data holds `csv`,
 * `clean`, `parameters` and `pollock_weights.json`; they carry no licence and are not kept here.
 */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { withWorkspace } from '../testkit/workspace.js';
import { type Conversion, convert, type PollockParameters } from './pollock-convert.js';
import { type FileScore, scoreFile, totals } from './pollock-score.js';
import { convertThroughService, SAVED } from './pollock-service.js';

const SLOWEST_MS = 10_000;
/** Of the service. */
const CLIENTS = 8;

const { values } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string' },
    given: { type: 'boolean', default: false },
    detect: { type: 'boolean', default: false },
    through: { type: 'string', default: 'engine' },
    worst: { type: 'string', default: '0' },
  },
});
if (!values.data || !values.out) throw new Error('--data and --out each name a folder');
if (values.given && values.detect) throw new Error('--given and --detect exclude each other');
if (!['engine', 'service'].includes(values.through))
  throw new Error(`--through takes engine or service, not ${values.through}`);

const { data, out } = { data: values.data, out: values.out };
mkdirSync(out, { recursive: true });
const weights: Record<string, number> = JSON.parse(readFileSync(path.join(data, 'pollock_weights.json'), 'utf8'));
const names = readdirSync(path.join(data, 'csv')).sort();
const scores: FileScore[] = [];
const sums = { repairs: 0, rejects: 0, questions: 0, errors: 0, slow: 0 };
await (values.through === 'service' ? readByService() : readByEngine());
report();

type Convert = (file: string, parameters?: PollockParameters) => Conversion | Promise<Conversion>;

async function readByEngine(): Promise<void> {
  for (const name of names) await read(name, (file, parameters) => convert(readFileSync(file), parameters));
}

/** The files come from several clients at once. */
function readByService(): Promise<void> {
  const log = (message: string) => process.stderr.write(`${message}\n`);
  return withWorkspace({ name: 'pollock', keep: false, log }, async (workspace) => {
    mkdirSync(path.join(workspace.folder, SAVED));
    const left = [...names];
    const client = async () => {
      for (let name = left.shift(); name; name = left.shift())
        await read(name, (...file) => convertThroughService(workspace, ...file));
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
  });
}

async function read(name: string, convertFile: Convert): Promise<void> {
  const began = performance.now();
  const result = await converted(name, convertFile);
  if (performance.now() - began > SLOWEST_MS) sums.slow++;
  sums.repairs += result.repairs;
  sums.rejects += result.rejects;
  if (result.question) sums.questions++;
  writeFileSync(path.join(out, `${name}_converted.csv`), result.csv);
  const clean = readFileSync(path.join(data, 'clean', name), 'utf8');
  scores.push({ name, weight: weights[name] ?? 0, ...scoreFile(clean, result.csv) });
}

async function converted(name: string, convertFile: Convert): Promise<Conversion> {
  const file = path.join(data, 'csv', name);
  if (statSync(file).size === 0) return { csv: '', repairs: 0, rejects: 0, question: null };
  try {
    return await convertFile(file, values.given ? parametersOf(name) : undefined);
  } catch (error) {
    sums.errors++;
    process.stderr.write(`${name}: ${(error as Error).message}\n`);
    return { csv: 'Application Error\n', repairs: 0, rejects: 0, question: null };
  }
}

function parametersOf(name: string): PollockParameters {
  return JSON.parse(readFileSync(path.join(data, 'parameters', `${name}_parameters.json`), 'utf8'));
}

function report(): void {
  const { simple, weighted, perfect, equalRows } = totals(scores);
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  process.stdout.write(
    [
      `files ${scores.length} through ${values.through}, ${values.given ? 'parameters given' : 'nothing given'}`,
      `simple ${simple.toFixed(4)}`,
      `weighted ${weighted.toFixed(4)}`,
      `perfect files ${perfect}`,
      `equal rows ${equalRows.toFixed(4)}`,
      `repairs ${sums.repairs}, rejects ${sums.rejects}, asked about ${sums.questions}`,
      `errors ${sums.errors}, files over ${SLOWEST_MS / 1000} s ${sums.slow}, memory ${megabytes} MB`,
      '',
    ].join('\n'),
  );
  const worst = [...scores].sort((a, b) => a.score - b.score).slice(0, Number(values.worst));
  for (const { name, score, weight } of worst)
    process.stdout.write(`${score.toFixed(4)} ${weight.toFixed(2)} ${name}\n`);
}
