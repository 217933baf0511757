import { BlockList, isIP, isIPv6 } from 'node:net'

/** What of IPv4 is not somebody's public address. @see https://www.iana.org/assignments/iana-ipv4-special-registry */
const special4: [string, number][] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
/**
 * What of the global unicast addresses of IPv6 is not: protocol assignments with Teredo and benchmarking, 6to4, documentation.
 * Everything outside 2000::/3 is refused without a list, so are ::1, ::ffff:1.2.3.4, 64:ff9b::, fc00:: and fe80::.
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const special6: [string, number][] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
]

const denied = new BlockList()
for (const [network, prefix] of special4) denied.addSubnet(network, prefix, 'ipv4')
const denied6 = new BlockList()
for (const [network, prefix] of special6) denied6.addSubnet(network, prefix, 'ipv6')
const unicast6 = new BlockList()
unicast6.addSubnet('2000::', 3, 'ipv6')

/** Whether an address is somebody's on the public Internet, and so no way into the network that this server stands in. */
export function isPublic(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !denied.check(address, 'ipv4')
    case 6:
      return !address.includes('%') && unicast6.check(address, 'ipv6') && !denied6.check(address, 'ipv6')
    default:
      return false
  }
}

/**
 * Makes a test for a list of addresses and networks (`10.1.2.3`, `fd00::/8`).
 * @throws Error that names the entry which is neither
 */
export function inNetworks(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const bits =
      prefix === undefined ? (isIPv6(address) ? 128 : 32) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
    if (isIP(address) === 0 || !(bits <= (isIPv6(address) ? 128 : 32)))
      throw new Error(`"${network}" is neither an address nor a network`)
    list.addSubnet(address, bits, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}
