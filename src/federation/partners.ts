import { compileGlob, type TextMatch } from '../matrix/glob.ts'

/** Whom the operator lets this server talk to. */
export interface Partners {
  mayTalkTo(server: string): boolean
}

const anyOf = (globs: readonly string[]): TextMatch => {
  const matches = globs.map((glob) => compileGlob(glob.toLowerCase()))
  return (text) => matches.some((match) => match(text))
}

/** Names are compared without regard to case, with and without their port. */
export function openPartners(allow: readonly string[], deny: readonly string[]): Partners {
  const [allowed, denied] = [anyOf(allow), anyOf(deny)]
  return {
    mayTalkTo: (server) => {
      const name = server.toLowerCase()
      const host = name.replace(/:\d{1,5}$/, '')
      const fits = (list: TextMatch): boolean => list(name) || list(host)
      return !fits(denied) && (allow.length === 0 || fits(allowed))
    },
  }
}
