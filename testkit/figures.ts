import Table from 'cli-table3';

/** One line of a table of figures. */
export interface Figure {
  name: string;
  measured: string;
  /** What is promised; absent for a figure without a target. */
  asked?: string;
  holds?: boolean;
}

/** A speed against the peer's: how many times as fast. */
export function ratioFigure(name: string, service: number, peer: number, asked: number | undefined): Figure {
  const ratio = peer / service;
  const measured = `${service.toFixed(2)} s against ${peer.toFixed(2)} s: ${ratio.toFixed(2)} ×`;
  return asked === undefined ? { name, measured } : { name, measured, asked: `≥ ${asked} ×`, holds: ratio >= asked };
}

/** A figure in a unit, with its limit. */
export function limitFigure(name: string, value: number | undefined, unit: string, limit?: number): Figure {
  if (value === undefined) return { name, measured: 'not known on this system' };
  const measured = `${value.toFixed(0)} ${unit}`;
  return limit === undefined
    ? { name, measured }
    : { name, measured, asked: `≤ ${limit} ${unit}`, holds: value <= limit };
}

/** The figures as a table for the terminal. */
export function figureTable(figures: Figure[]): string {
  const table = new Table({ head: ['figure', 'measured', 'required', ''], style: { head: [], border: [] } });
  for (const { name, measured, asked = '', holds } of figures) table.push([name, measured, asked, verdict(holds)]);
  return table.toString();
}

/** The same for a Markdown file. */
export function figureMarkdown(figures: Figure[]): string {
  const lines = figures.map(
    ({ name, measured, asked = '', holds }) => `| ${name} | ${measured} | ${asked} | ${verdict(holds)} |`,
  );
  return ['| figure | measured | required | |', '|---|---|---|---|', ...lines].join('\n');
}

function verdict(holds: boolean | undefined): string {
  return holds === undefined ? '' : holds ? 'holds' : 'MISSED';
}
