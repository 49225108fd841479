/** The C library, for what the runtime offers no other way. Each caller names the few functions that it needs: every one is compiled when it is opened. */
import { dlopen, type FFIFunction } from 'bun:ffi';

/** glibc, musl and macOS, in the order of how common they are. */
function libcNames(): readonly string[] {
  if (process.platform === 'darwin') return ['libSystem.B.dylib'];
  return ['libc.so.6', 'libc.so', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`];
}

/** The functions, or undefined where there is no C library to open, or none of these in it. */
export function openLibc<const Functions extends Record<string, FFIFunction>>(functions: Functions) {
  for (const name of libcNames()) {
    try {
      return dlopen(name, functions).symbols;
    } catch {
      // The next name may be this system's.
    }
  }
  return undefined;
}
