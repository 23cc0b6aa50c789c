/** Fields that are numbers, truth values, or objects and lists; in a form or a query everything is text. */
const NUMBERS = new Set(['max_rejects', 'max_bytes_per_second', 'limit', 'rows']);
const BOOLEANS = new Set(['history', 'drop_table', 'bom', 'like_source', 'decimal_comma', 'dry_run']);
const OBJECTS = new Set(['dialect', 'columns', 'null_values', 'filter', 'tasks']);

/**
 * Gives the fields of a form or a query the types that they have in JSON: numbers for numbers, objects for objects
 * written as JSON. Leaves an unreadable field as text, which validation then refuses.
 */
export function typedFields(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? typed(name, value) : value]),
  );
}

function typed(name: string, text: string): unknown {
  if (NUMBERS.has(name) && /^-?\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (BOOLEANS.has(name) && (text === 'true' || text === 'false')) return text === 'true';
  return OBJECTS.has(name) ? parsed(text) : text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
