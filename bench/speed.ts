import { type Figure, ratioFigure } from '../testkit/figures.js';
import { measureSpeed, median, peerOf, type SpeedRound } from '../testkit/speed.js';
import { megabytes, say } from '../testkit/terminal.js';
import type { BenchInput } from './input.js';

/** Upload and download against the peer, in turns; the medians of the rounds, after one that is not counted. */
export async function benchSpeed({
  workspace,
  file,
  bytes,
  rounds,
}: BenchInput & { rounds: number }): Promise<Figure[]> {
  const peer = peerOf(workspace);
  const measured: SpeedRound[] = [];
  for (let round = 0; round <= rounds; round++) {
    const result = await measureSpeed(workspace, file, round);
    const { upload, download } = result;
    const line = [upload, download].map(({ service, peer }) => `${rate(bytes, service)} against ${rate(bytes, peer)}`);
    say(`round ${round}${round === 0 ? ' (to warm up)' : ''}: in ${line[0]}, out ${line[1]}; ${phases(result)}`);
    if (round > 0) measured.push(result);
  }
  return (['upload', 'download'] as const).map((kind) => {
    const service = median(measured.map((round) => round[kind].service));
    const other = median(measured.map((round) => round[kind].peer));
    return ratioFigure(`${kind}, start → completed, against ${peer.name}`, service, other, 1);
  });
}

function rate(bytes: number, seconds: number): string {
  return `${megabytes(bytes / seconds)}/s`;
}

function phases({ upload, download }: SpeedRound): string {
  const all = Object.entries({ ...upload.phases, ...download.phases });
  return all.map(([phase, seconds]) => `${phase} ${seconds.toFixed(1)} s`).join(', ');
}
