/**
 * The position that a token of a Synapse stands for, undefined where it is none. Events that were taken over from there have its places
 * in the log, so that whoever was signed in goes on where they were: `s12_…` is after the twelfth event, as is `t3-12_…`, a place in
 * the history of one room, and `m12~1.14_…`, which several processes have written.
 */
export function synapsePosition(token: string): number | undefined {
  const [, plain, behind] = /^(?:[sm](\d{1,15})(?:~[\d.~]*)?|t\d{1,15}-(-?\d{1,15}))(?:_|$)/.exec(token) ?? []
  const position = plain ?? behind
  return position === undefined ? undefined : Number(position)
}
