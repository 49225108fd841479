/** The body of a request, of bounded size. How long it may take is bounded by the server. */

/** Undefined for more than `maxBytes`; of that nothing is kept. Rejects when the sender hangs up. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array | undefined> {
  const stated = request.headers.get('content-length');
  if (stated !== null) return Number(stated) > maxBytes ? undefined : new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
