// Makes docs/images/start.svg out of what `npm start` and the command that it shows really print: run `node test/docs-picture.ts`.
// Only the port and the path of the data are written as they are for whoever follows the README.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './docs-pages.ts'
import { freePort } from './harness/process.ts'

const columns = 112
const [charWidth, lineHeight, margin] = [7.8, 19, 18]

/** What the terminal shows, a line each: commands with what they print. `start` is printed by the server alone. */
export async function terminal(): Promise<{ start: string[]; all: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-picture-'))
  const port = await freePort()
  const env = {
    ...process.env,
    LATCHKEY_LISTEN: `127.0.0.1:${port}`,
    LATCHKEY_DATA_DIR: join(folder, 'data'),
    NPM_CONFIG_LOGLEVEL: 'error',
  }
  const child = spawn('npm', ['start'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  const shown = (text: string): string[] =>
    text.trimEnd().replaceAll(`:${port}`, ':8008').replaceAll(folder, '~/latchkey').split('\n')
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  try {
    while (!said.includes('--config latchkey.yaml')) await sleep(50)
    const curl = /^ {2}(curl .*)$/m.exec(said)?.[1] ?? ''
    const answer = execFileSync('sh', ['-c', curl], { encoding: 'utf8' })
    const start = shown(said).filter((line, index) => index > 0 || line !== '')
    return { start, all: ['$ npm start', ...start, '', `$ ${shown(curl)[0]}`, ...shown(answer)] }
  } finally {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
    await once(child, 'exit')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Lines as a terminal breaks them. */
const wrap = (line: string): { text: string; kind: string }[] => {
  const kind = line.startsWith('$') ? 'command' : line.startsWith('{') ? 'answer' : 'line'
  return Array.from({ length: Math.max(1, Math.ceil(line.length / columns)) }, (_, index) => ({
    text: line.slice(index * columns, (index + 1) * columns),
    kind: index === 0 ? kind : `${kind} more`,
  }))
}

/** The picture of a terminal. */
export function picture(lines: readonly string[]): string {
  const rows = lines.flatMap(wrap)
  const [width, height] = [Math.round(columns * charWidth + 2 * margin), rows.length * lineHeight + 2 * margin]
  const texts = rows.map(
    ({ text, kind }, index) =>
      `<text class="${kind}" x="${margin}" y="${margin + 14 + index * lineHeight}">${escape(text)}</text>`,
  )
  const bold = '.command { fill: #fff; font-weight: bold } .answer { fill: #7ee787 }'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" xml:space="preserve">
<title>npm start prints a token and a curl command; the command answers with a user id and an access token</title>
<style>text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #c9d1d9; white-space: pre } ${bold}</style>
<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>
${texts.join('\n')}
</svg>
`
}

export const pictureFile = join(root, 'docs', 'images', 'start.svg')

if (import.meta.main) writeFileSync(pictureFile, picture((await terminal()).all))
