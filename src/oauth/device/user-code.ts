/** Consonants that are not mistaken for one another, so that no words come out. @see https://datatracker.ietf.org/doc/html/rfc8628#section-6.1 */
const letters = 'BCDFGHJKLMNPQRSTVWXZ'
const length = 8

/** A code for people to type: 20^8 of them, each as likely as another. */
export const makeUserCode = (randomBytes: (count: number) => Uint8Array): string => {
  let code = ''
  while (code.length < length) {
    // 240 is the largest multiple of 20 in a byte: what is above would favour some letters.
    for (const byte of randomBytes(16))
      if (byte < 240 && code.length < length) code += letters[byte % letters.length] ?? ''
  }
  return code
}

/** As people see it: in two halves. */
export const shownCode = (code: string): string => `${code.slice(0, 4)}-${code.slice(4)}`

/** The code that somebody has typed, however they have; undefined for what is none. */
export const typedCode = (text: string | null | undefined): string | undefined => {
  const code = (text ?? '')
    .slice(0, 40)
    .toUpperCase()
    .replaceAll(/[^A-Z]/g, '')
  return new RegExp(`^[${letters}]{${length}}$`).test(code) ? code : undefined
}
