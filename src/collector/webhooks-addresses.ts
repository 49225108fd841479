/** Which addresses of the network belong to everybody. A webhook must not reach what only this machine or its network can. */

/**
 * What is no public place on IPv4 (IANA's special-purpose registry, multicast and what is reserved), and where clouds keep the
 * credentials of a machine on an address that looks public.
 */
const SPECIAL_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['168.63.129.16', 32],
];

/** Within 2000::/3: protocol assignments with Teredo and ORCHID, documentation, 6to4 with an IPv4 address in it. */
const SPECIAL_V6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
/** What carries an IPv4 address in its last 32 bits: mapped, and translated by NAT64 (RFC 6052, RFC 8215 is never public). */
const CARRIES_V4: readonly (readonly [string, number])[] = [
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
];

/** True for an address of IPv4 or IPv6, as the resolver or a URL has it, that anybody could reach. False for what is none. */
export function isPublicAddress(address: string): boolean {
  const v4 = readV4(address);
  if (v4 !== undefined) return isPublicV4(v4);
  const v6 = readV6(address);
  if (v6 === undefined) return false;
  if (CARRIES_V4.some((range) => isInV6(v6, range))) return isPublicV4(Number(v6 & 0xffff_ffffn));
  return isInV6(v6, ['2000::', 3]) && !SPECIAL_V6.some((range) => isInV6(v6, range));
}

/** The address that a URL's host is, without brackets; undefined for a name. Decimal, octal and hex forms were read by the URL. */
export function literalOf({ hostname }: URL): string | undefined {
  if (hostname.startsWith('[')) return hostname.slice(1, -1);
  return readV4(hostname) === undefined ? undefined : hostname;
}

function isPublicV4(address: number): boolean {
  return !SPECIAL_V4.some(([base, bits]) => {
    const shift = 2 ** (32 - bits);
    return Math.floor(address / shift) === Math.floor((readV4(base) ?? 0) / shift);
  });
}

function isInV6(address: bigint, [base, bits]: readonly [string, number]): boolean {
  const shift = BigInt(128 - bits);
  return address >> shift === (readV6(base) ?? 0n) >> shift;
}

function readV4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The URL's parser knows all ways of writing one, and gives the shortest. */
function readV6(text: string): bigint | undefined {
  const hostname = text.includes(':') ? URL.parse(`http://[${text}]/`)?.hostname : undefined;
  if (hostname === undefined) return undefined;
  const [head = '', tail] = hostname.slice(1, -1).split('::');
  const groups = (part: string): readonly string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}
