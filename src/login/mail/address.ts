import { MatrixError } from '../../matrix/errors.ts'

const longest = 254

/**
 * A mail address in the form in which it is stored and compared: small letters, nothing around it.
 * @throws MatrixError M_INVALID_PARAM for what is none
 */
export function parseAddress(text: string): string {
  const address = text.trim().toLowerCase()
  if (
    address.length > longest ||
    !/^[^\s@<>()[\]\\,;:"\p{Cc}]{1,64}@[^\s@<>()[\]\\,;:"/\p{Cc}]+$/u.test(address) ||
    !address.isWellFormed()
  ) {
    throw new MatrixError('M_INVALID_PARAM', 'This is not a mail address')
  }
  return address
}
