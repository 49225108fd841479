/** Runs the compiled binary with the given arguments, compiling it first when needed. */
import { BINARY, ensureCompiled, run } from './setup.mjs';

ensureCompiled();
run(BINARY, process.argv.slice(2));
