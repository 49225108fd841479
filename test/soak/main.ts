/** Runs one soak and prints its rows; fails when a bound is missed. */
import { burst } from './burst.ts';
import { herd } from './herd.ts';
import { idle } from './idle.ts';
import { locks } from './locks.ts';
import { memory } from './memory.ts';
import { outage } from './outage.ts';
import { requests } from './requests.ts';
import { sleep } from './sleep.ts';
import type { Row } from './soak.ts';

const SOAKS: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  ...{ requests, burst, idle, outage },
  ...{ sleep, memory, herd, locks },
};

const [name = ''] = process.argv.slice(2);
const soak = SOAKS[name];
if (soak === undefined) {
  console.error(`Expected one of ${Object.keys(SOAKS).join(', ')}, got ${JSON.stringify(name)}`);
  process.exit(64);
}
const rows = await soak();
for (const { what, bound, measured, ok } of rows)
  console.log(`| ${name}: ${what} | ${bound} | ${measured} | ${ok ? 'yes' : 'NO'} |`);
process.exit(rows.length > 0 && rows.every(({ ok }) => ok) ? 0 : 1);
