/** The same work as client.c, the way a Node program does it. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const base = `${process.env.TMPDIR}/claude-slack-approval`;
const input = readFileSync(0, 'utf8');
JSON.parse(input);
process.kill(Number(readFileSync(`${base}/server.pid`, 'utf8')), 0);
const socket = connect(`${base}/approval.sock`, () => socket.write(`${input.trim()}\n`));
socket.on('data', (chunk) => {
  process.stdout.write(chunk, () => process.exit(0));
});
