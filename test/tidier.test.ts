import { describe, expect, test } from 'bun:test';
import { createTidier } from '../src/tidier.ts';

const MIB = 1024 * 1024;

describe('after a flood', () => {
  const make = () => {
    const due: (() => void)[] = [];
    const state = { collected: 0, pass: () => due.shift()?.(), waits: () => due.length };
    const read = createTidier({ collect: () => (state.collected += 1), after: (_ms, call) => due.push(call) });
    return { state, read };
  };

  test('memory is given back, and a moment later again, when it is calm', () => {
    const { state, read } = make();
    for (let count = 0; count < 40; count += 1) read(MIB);
    expect([state.collected, state.waits()]).toEqual([0, 1]);
    read(MIB);
    state.pass();
    expect([state.collected, state.waits()]).toEqual([0, 1]);
    state.pass();
    expect([state.collected, state.waits()]).toEqual([1, 1]);
    state.pass();
    expect([state.collected, state.waits()]).toEqual([2, 0]);
    read(16 * MIB);
    state.pass();
    expect(state.collected).toBe(3);
  });

  test('of less than sixteen megabytes nothing is done', () => {
    const { state, read } = make();
    read(15 * MIB);
    expect(state.waits()).toBe(0);
  });
});
