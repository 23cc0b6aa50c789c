import type { FastifyRequest } from 'fastify';
import { invalidRequest } from '../contract/errors.js';

/** The multipart parser (@fastify/busboy), as far as it counts the parts. */
interface Parser {
  _parser?: { _nparts?: number };
}

/**
 * Detects parts that the parser counts but silently skips, such as those without a Content-Disposition. Must be called
 * before the form is read.
 * @returns a check for the end of the form, given the number of parts that came out; it throws invalid_request
 */
export function watchForSkippedParts({ raw }: FastifyRequest): (given: number) => void {
  let parser: Parser | undefined;
  const pipe = raw.pipe.bind(raw);
  raw.pipe = (destination, options) => {
    parser = destination as Parser;
    return pipe(destination, options);
  };
  return (given) => {
    if ((parser?._parser?._nparts ?? 0) <= given) return;
    // RFC 7578, 4.2: every part has one.
    throw invalidRequest([{ field: '', detail: 'is a part without a Content-Disposition of form-data with a name' }]);
  };
}
