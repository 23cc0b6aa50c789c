/** A line of a plot: points in the units of its axes. */
export interface Series {
  name: string;
  points: { x: number; y: number }[];
}

export interface Plot {
  title: string;
  x: { label: string; isLogarithmic?: boolean };
  y: { label: string; isLogarithmic?: boolean };
  series: Series[];
}

const [WIDTH, HEIGHT] = [760, 420];
const FRAME = { left: 70, right: 250, top: 40, bottom: 50 };
const COLOURS = ['#1b6ca8', '#d1495b', '#3a7d44', '#8a5a9e', '#c77b0a', '#4a4a4a', '#0a8f8f', '#b03a8c'];

/** Draws a plot as an SVG image (W3C SVG 1.1). Points that a logarithmic axis cannot show are left out. */
export function svgOf({ title, x, y, series }: Plot): string {
  const points = series.flatMap((line) => line.points);
  const across = scaleOf(
    points.map((point) => point.x),
    x.isLogarithmic,
    FRAME.left,
    WIDTH - FRAME.right,
  );
  const up = scaleOf(
    points.map((point) => point.y),
    y.isLogarithmic,
    HEIGHT - FRAME.bottom,
    FRAME.top,
  );
  const [left, right, bottom] = [FRAME.left, WIDTH - FRAME.right, HEIGHT - FRAME.bottom];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(left, 24, title, 'start', 'font-weight="bold"'),
    ...across.ticks.map((tick) => line(across.at(tick), FRAME.top, across.at(tick), bottom)),
    ...up.ticks.map((tick) => line(left, up.at(tick), right, up.at(tick))),
    ...across.ticks.map((tick) => text(across.at(tick), bottom + 18, short(tick))),
    ...up.ticks.map((tick) => text(left - 8, up.at(tick) + 4, short(tick), 'end')),
    text((left + right) / 2, HEIGHT - 12, x.label),
    text(0, 0, y.label, 'middle', `transform="translate(18 ${(FRAME.top + bottom) / 2}) rotate(-90)"`),
    ...series.flatMap(({ name, points }, i) => {
      const colour = COLOURS[i % COLOURS.length] as string;
      const places = points.map((point) => [across.at(point.x), up.at(point.y)].map((n) => n.toFixed(1)).join(','));
      return [
        `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
        ...(points.length > 20 ? [] : places.map((place) => dot(place, colour))),
        text(right + 12, FRAME.top + 12 + i * 20, name, 'start', `fill="${colour}"`),
      ];
    }),
    '</svg>\n',
  ].join('\n');
}

function scaleOf(values: number[], isLogarithmic = false, from: number, to: number) {
  const of = isLogarithmic ? Math.log10 : (value: number) => value;
  const high = of(Math.max(...values));
  const step = isLogarithmic ? 1 : niceStep(high);
  const first = isLogarithmic ? Math.floor(of(Math.min(...values))) : 0;
  const last = Math.max(Math.ceil(high / step) * step, first + step);
  const count = Math.round((last - first) / step) + 1;
  const ticks = Array.from({ length: count }, (_, i) => first + i * step);
  return {
    ticks: ticks.map((tick) => (isLogarithmic ? 10 ** tick : tick)),
    at: (value: number) => from + ((of(value) - first) / (last - first)) * (to - from),
  };
}

/** A step of 1, 2 or 5 times a power of ten, of which at most ten make up the whole. */
function niceStep(high: number): number {
  const power = 10 ** Math.floor(Math.log10(high / 5 || 1));
  return power * ([1, 2, 5].find((n) => high / (power * n) <= 6) ?? 10);
}

const short = (value: number) => Number(value.toPrecision(6)).toLocaleString('en');
const escaped = (words: string) => words.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
const dot = (place: string, colour: string) =>
  `<circle cx="${place.split(',')[0]}" cy="${place.split(',')[1]}" r="3" fill="${colour}"/>`;
const line = (...[x1, y1, x2, y2]: number[]) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
const text = (x: number, y: number, words: string, anchor = 'middle', more = '') =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}" ${more}>${escaped(words)}</text>`;
