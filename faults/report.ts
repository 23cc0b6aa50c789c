import Table from 'cli-table3';
import type { Result } from './matrix.js';

const HEAD = ['fault', 'place', 'rounds', 'outcome', 'back after', 'rows re-done'];

/** The matrix as a table for the terminal. */
export function resultTable(results: Result[]): string {
  const table = new Table({
    head: HEAD,
    style: { head: [], border: [] },
    colWidths: [7, 46, 8, 40, 12, 14],
    wordWrap: true,
  });
  for (const result of results) table.push(cells(result));
  return table.toString();
}

/** The same for a Markdown file, with how each fault is made. */
export function resultMarkdown(results: Result[]): string {
  const made = new Map(results.map(({ scenario }) => [`${scenario.fault} ${scenario.how}`, scenario]));
  return [
    `| ${HEAD.join(' | ')} |`,
    `|${'---|'.repeat(HEAD.length)}`,
    ...results.map((result) => `| ${cells(result).join(' | ')} |`),
    '',
    '## How each is made',
    '',
    ...[...made.values()].map(({ fault, how }) => `- **${fault}**: ${how}.`),
  ].join('\n');
}

function cells({ scenario, rounds, violations, recovery, redone, note, skipped }: Result): string[] {
  return [
    scenario.fault,
    scenario.place,
    String(rounds),
    [outcome(violations, skipped), note].filter(Boolean).join('; '),
    recovery === undefined ? '' : `${recovery.toFixed(1)} s`,
    redone === undefined ? '' : String(redone),
  ];
}

function outcome(violations: string[], skipped: string | undefined): string {
  if (skipped) return `skipped: ${skipped}`;
  return violations.length === 0 ? 'exact, nothing left' : `VIOLATED: ${violations.join('; ')}`;
}
