/** Browser files are imported as text, so that the compiled binary carries them. */
declare module '*.client.js' {
  const source: string;
  export = source;
}
declare module '*.css' {
  const source: string;
  export = source;
}
