import { type Figure, limitFigure, ratioFigure } from '../testkit/figures.js';
import { measureSpeed, median, peerOf, type SpeedRound } from '../testkit/speed.js';
import { heading, megabytes, say } from '../testkit/terminal.js';
import { noteMemory, type Script } from './script.js';

const ROUNDS = 3;

/** Below this size the time is that of starting and publishing, and a ratio would say nothing. */
const ROWS_FOR_RATIO = 1_000_000;

/** Measures the speed against the peer, uninterrupted and at full speed, and adds it to the figures with the memory. */
export async function measureFigures(script: Script): Promise<void> {
  const { workspace, file, figures, rows } = script;
  const peer = peerOf(workspace);
  heading(`Speed, against ${peer.name} of the same rows on the same server, in turns`);
  const rounds: SpeedRound[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const result = await measureSpeed(workspace, file, round);
    say(`round ${round}: in ${describe(result.upload, script)}, out ${describe(result.download, script)}`);
    rounds.push(result);
  }
  noteMemory(script);
  const asked = rows >= ROWS_FOR_RATIO ? 1 : undefined;
  figures.unshift(...(['upload', 'download'] as const).map((kind) => ratio(kind, peer.name, rounds, asked)));
  figures.push(limitFigure('peak resident memory of the worker', script.peakMemory || undefined, 'MiB', 256));
}

function ratio(kind: 'upload' | 'download', peer: string, rounds: SpeedRound[], asked: number | undefined): Figure {
  const service = median(rounds.map((round) => round[kind].service));
  const other = median(rounds.map((round) => round[kind].peer));
  return ratioFigure(`${kind}, start → completed, against ${peer}`, service, other, asked);
}

function describe({ service, peer }: { service: number; peer: number }, { bytes }: Script): string {
  return `${service.toFixed(2)} s (${megabytes(bytes / service)}/s) against ${peer.toFixed(2)} s`;
}
