/** Whether a host is this machine itself: as it is written in a URL, or as one listens on it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
}
