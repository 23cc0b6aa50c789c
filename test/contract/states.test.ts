import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inProject } from '../../launcher/paths.js';
import {
  ACTIONS,
  allowedActions,
  isFinal,
  STATES,
  TRANSITIONS,
  transitionOf,
  VERBS,
} from '../../src/contract/states.js';

describe('the state machine', () => {
  it('reaches every state but the first, and leaves every state but the final ones', () => {
    const reached = new Set(TRANSITIONS.map(({ to }) => to));
    const left = new Set(TRANSITIONS.flatMap(({ from }) => from));
    expect(STATES.filter((state) => !reached.has(state))).toEqual(['queued']);
    expect(STATES.filter((state) => !left.has(state))).toEqual(STATES.filter(isFinal));
  });

  it('uses every verb, and leads each state by one command to one state', () => {
    expect([...new Set(TRANSITIONS.map(({ verb }) => verb))].sort()).toEqual([...VERBS].sort());
    for (const action of ACTIONS) {
      const from = TRANSITIONS.filter(({ command }) => command === action).flatMap((arrow) => arrow.from);
      expect(from).toEqual([...new Set(from)]);
    }
  });

  it('offers no command that would change a final state or a rollback under way', () => {
    const closed = STATES.filter((state) => allowedActions(state).length === 0);
    expect(closed.sort()).toEqual(['completed', 'failed', 'terminated', 'terminating']);
  });

  it('accepts a repeated command without effect and refuses an illegal one', () => {
    expect(transitionOf('paused', 'pause')).toBeNull();
    expect(transitionOf('terminated', 'terminate')).toBeNull();
    expect(transitionOf('completed', 'terminate')).toBeUndefined();
    expect(transitionOf('terminating', 'resume')).toBeUndefined();
  });

  it('has a sentence for every transition', () => {
    for (const { meaning } of TRANSITIONS) expect(meaning).toMatch(/^[A-Z].*\.$/);
  });

  it('is the diagram in the documentation', () => {
    const text = readFileSync(inProject('docs', 'lifecycle.md'), 'utf8');
    const diagram = /```mermaid\nstateDiagram-v2\n([\s\S]*?)```/.exec(text)?.[1] ?? '';
    const arrows = diagram.split('\n').map((line) => line.trim());
    expect(arrows.filter((line) => line.includes(' --> ') && !line.includes('[*]')).sort()).toEqual(diagramLines());
  });
});

function diagramLines(): string[] {
  return TRANSITIONS.flatMap(({ from, verb, to }) => from.map((state) => `${state} --> ${to}: ${verb}`)).sort();
}
