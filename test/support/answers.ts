import type { FastifySerializerCompiler } from 'fastify/types/schema.js';
import { Compile } from 'typebox/compile';
import { ANSWERS } from '../../src/contract/answers.js';

type Name = keyof typeof ANSWERS;

const validators = Object.fromEntries(Object.entries(ANSWERS).map(([name, schema]) => [name, Compile(schema)]));

/** Fails when an answer is not what its schema says, field by field. */
export function checkAnswer(name: Name, answer: unknown): void {
  // As it goes over the wire: without what is undefined.
  const sent = JSON.parse(JSON.stringify(answer));
  const errors = validators[name]!.Errors(sent);
  if (errors.length > 0)
    throw new Error(`not a ${name}: ${JSON.stringify(errors.slice(0, 3))} in ${JSON.stringify(sent)}`);
}

/** Serialises the answers of an API, and makes one that its schema does not tell of an error 500. */
export const checkingSerializer: FastifySerializerCompiler<unknown> = ({ schema }) => {
  const name = (schema as { $ref?: string }).$ref?.replace('#', '');
  return (answer) => {
    if (name !== undefined) checkAnswer(name as Name, answer);
    return JSON.stringify(answer);
  };
};
