import type { Progress, Report } from '../import/index.ts'

/** Where somebody watches, the line grows; in a log there is one now and then. */
const everyMs = { terminal: 200, log: 30_000 }

const minutes = (ms: number): string => {
  const seconds = Math.ceil(ms / 1000)
  return seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`
}

/** Says how far the import is, and how much longer a part will take. */
export function progressTeller(): (progress: Progress) => void {
  const { isTTY } = process.stdout
  let [part, begun, told, first] = ['', 0, 0, 0]
  return ({ part: name, done, of }) => {
    const now = performance.now()
    if (name !== part) [part, begun, told, first] = [name, now, isTTY ? 0 : now, done]
    const isEnd = done >= of
    if (!isEnd && now - told < (isTTY ? everyMs.terminal : everyMs.log)) return
    told = now
    const rate = (done - first) / (now - begun)
    const left = rate > 0 && !isEnd ? `, about ${minutes((of - done) / rate)} more` : ''
    const line = `${name}: ${done} of ${of}${left}`
    process.stdout.write(isTTY ? `\r\u001B[K${line}${isEnd ? '\n' : ''}` : `${line}\n`)
  }
}

/** Prints what was done: counts on both sides, what was left out and why, and what the check of rooms has found. */
export function writeReport(report: Report, title: string): void {
  const say = (text: string): void => void process.stdout.write(`${text}\n`)
  const width = Math.max(...[...report.lines.keys()].map((name) => name.length), 10)
  say(`\n${title}:`)
  for (const [name, { found, taken }] of report.lines)
    say(`  ${name.padEnd(width)}  ${taken === found ? String(taken) : `${taken} of ${found}`}`)
  if (report.left.size > 0) say('\nLeft out, or to be known:')
  for (const [reason, { count, examples }] of report.left)
    say(
      `  ${count} × ${reason}${examples.length > 0 ? ` (${examples.join(', ')}${count > examples.length ? ' …' : ''})` : ''}`,
    )
  if (report.checked > 0 && report.differences.length === 0)
    say(`\nOf ${report.checked} rooms, chosen at random, every event, hash and state is as in Synapse.`)
  if (report.differences.length > 0) say('\nThis is not as in Synapse:')
  for (const difference of report.differences) say(`  ${difference}`)
}
