const DATE = String.raw`(\d{4}|[1-9]\d{4,6})-(\d\d)-(\d\d)`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6}0*)?)?`;
const OFFSET = String.raw`(?:Z|[+-](?:0\d|1[0-5])(?::?[0-5]\d)?)`;
const BC = '( BC)?';

const LAST_YEAR_OF_DATES = 5_874_897;
/** One less than PostgreSQL's last: an offset may lead into the next year. */
const LAST_YEAR_OF_TIMESTAMPS = 294_275;
/** Of those before Christ, the first that is whole. */
const FIRST_YEAR = 4713;

const DATES = new RegExp(`^${DATE}${BC}$`);
const BASIC_DATES = /^(\d{4})(\d\d)(\d\d)$/;
const TIMES = new RegExp(`^(?:${TIME}|24:00(?::00(?:\\.0+)?)?)$`);
const TIMESTAMPS = new RegExp(`^${DATE}(?:[ T]${TIME})?${BC}$`);
const INSTANTS = new RegExp(`^${DATE}[ T]${TIME}${OFFSET}${BC}$`);
const ENDS_IN_OFFSET = new RegExp(`:\\d\\d(?:\\.\\d+)? ?${OFFSET}${BC}$`);

/** Checks a date in ISO form, also a basic one (20240131). Other orders of day and month are ambiguous. */
export function isDate(text: string): boolean {
  return isInfinite(text) || isDay(DATES.exec(text) ?? BASIC_DATES.exec(text), LAST_YEAR_OF_DATES);
}

/** Checks a time of the day without an offset. */
export function isTime(text: string): boolean {
  return TIMES.test(text);
}

/** Checks an ISO timestamp without an offset. A date alone is its midnight. */
export function isTimestamp(text: string): boolean {
  return isInfinite(text) || isDay(TIMESTAMPS.exec(text), LAST_YEAR_OF_TIMESTAMPS);
}

/** Checks an ISO timestamp with an offset: without one it is no instant. */
export function isInstant(text: string): boolean {
  return isInfinite(text) || isDay(INSTANTS.exec(text), LAST_YEAR_OF_TIMESTAMPS);
}

/** Whether a time ends in an offset, as `+02:00`, `+02` or `Z`. */
export function hasOffset(text: string): boolean {
  return ENDS_IN_OFFSET.test(text);
}

const COUNT = String.raw`[+-]?\d{1,8}`;
const CLOCK = String.raw`[+-]?\d{2,8}:[0-5]\d:[0-5]\d(?:\.\d{1,6}0*)?`;
/** As PostgreSQL writes them (IntervalStyle postgres), and ISO 8601 durations. */
const WRITTEN = new RegExp(
  `^(?=.)(?:${COUNT} years?(?: |$))?(?:${COUNT} mons?(?: |$))?(?:${COUNT} days?(?: |$))?(?:${CLOCK})?$`,
);
const WHOLE = String.raw`-?\d{1,8}`;
const DURATION = new RegExp(
  `^P(?=.)(?:${WHOLE}Y)?(?:${WHOLE}M)?(?:${WHOLE}W)?(?:${WHOLE}D)?` +
    String.raw`(?:T(?=.)(?:${WHOLE}H)?(?:${WHOLE}M)?(?:${WHOLE}(?:\.\d{1,6})?S)?)?$`,
);

/** Checks an interval whose parts are all named. */
export function isInterval(text: string): boolean {
  return isInfinite(text) || (WRITTEN.test(text) && !text.endsWith(' ')) || DURATION.test(text);
}

function isInfinite(text: string): boolean {
  return text === 'infinity' || text === '-infinity';
}

function isDay(match: RegExpExecArray | null, lastYear: number): boolean {
  if (!match) return false;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const isBefore = match[4] !== undefined;
  if (year < 1 || year > (isBefore ? FIRST_YEAR : lastYear) || month < 1 || month > 12) return false;
  // The year before 1 is 1 BC, and there is no year 0.
  return day >= 1 && day <= daysOf(isBefore ? 1 - year : year, month);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
