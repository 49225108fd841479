import { expect, test } from 'bun:test';
import { runDemo } from '../../src/commands/demo.ts';

test.each(['x', '-1', '65536', '1.5'])('the demo refuses the port %s before it starts anything', async (port) => {
  await expect(runDemo({ isAuto: true, port, print: () => {} })).rejects.toMatchObject({ code: 'usage' });
});
