// Runs the commands of a page of the documentation, in their order, in an empty folder, against a server that the page itself starts.
//   ```sh run       runs in a shell; variables live on in the next block of the page
//   ```sh server    runs in the background until the page's end; goes on when it answers
//   ```sh run own-node    the same, by itself, on the Node that Latchkey brings: for programs that have it within them
//   ```js file=x    is written to the file x
//   ```json answer, ```text answer    what the run block before it must have printed
// `needs=php` passes the block over where there is no such program; `needs=python3:jwt`, where Python has no such module.
// The address 127.0.0.1:8008 becomes one that is free.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type Block, type Page, root } from './docs-pages.ts'
import { freePort } from './harness/process.ts'

const marks = ['run', 'server', 'answer']
const has = (block: Block, mark: string): boolean => block.words.includes(mark)
const option = (block: Block, name: string): string | undefined =>
  block.words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)

/** Whether a page has anything to run. */
export const isRunnable = (page: Page): boolean =>
  page.blocks.some((block) => block.words.some((word) => marks.includes(word)))

const missing = (need: string): boolean => {
  const [program = '', module] = need.split(':')
  const [command, args] =
    module === undefined
      ? (['sh', ['-c', `command -v ${program}`]] as const)
      : ([program, ['-c', `import ${module}`]] as const)
  return spawnSync(command, args).status !== 0
}

/** Where the machine has programs of its own: a page's scripts run on the reader's Node, and not on the one that Latchkey brings along. */
const ownPath = (process.env['PATH'] ?? '')
  .split(':')
  .filter((folder) => !folder.includes('node_modules'))
  .join(':')

/** `npx latchkey` and `npm start`, as they are in a checkout, from any folder. */
function commands(folder: string): string {
  const bin = join(folder, 'bin')
  const main = `exec "${process.execPath}" "${join(root, 'src', 'cli', 'main.ts')}"`
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'npx'),
    `#!/bin/sh\n[ "$1" = latchkey ] && shift && ${main} "$@"\necho "only npx latchkey is there" >&2; exit 1\n`,
  )
  writeFileSync(
    join(bin, 'npm'),
    `#!/bin/sh\n[ "$1" = start ] || exit 1\nshift\n[ "\${1:-}" = -- ] && shift\n${main} start "$@"\n`,
  )
  for (const name of ['npx', 'npm']) chmodSync(join(bin, name), 0o755)
  return bin
}

/** What a page has done: for each block that ran, all that it printed. */
interface Outcome {
  printed: Map<Block, string>
  skipped: { block: Block; why: string }[]
}

/** Pages that somebody works through in one folder: the servers of each are stopped before the next begins. */
export const oneAfterTheOther = (pages: readonly Page[]): Page => {
  const stop = {
    language: 'sh',
    words: ['run'],
    text: 'for one in $servers; do kill $one; wait $one || true; done; servers=""\n',
  }
  return {
    path: pages.map(({ path }) => path).join(' and '),
    text: '',
    headings: [],
    links: [],
    blocks: pages.flatMap(({ blocks }, index) => {
      const shifted = blocks.map((block) => ({ ...block, line: block.line + index * 10_000 }))
      return index === 0 ? shifted : [{ ...stop, line: index * 10_000 }, ...shifted]
    }),
  }
}

/** Runs a page; throws with what was printed when a block fails or an answer is not what the page says. */
export async function runPage(page: Page): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-docs-'))
  const work = join(folder, 'work')
  mkdirSync(work)
  // So that a page's script finds the packages that it would find in a checkout, and Latchkey as `npm install ../latchkey` leaves it.
  mkdirSync(join(work, 'node_modules'))
  for (const name of readdirSync(join(root, 'node_modules')))
    symlinkSync(join(root, 'node_modules', name), join(work, 'node_modules', name))
  symlinkSync(root, join(work, 'node_modules', 'latchkey'))
  const port = await freePort()
  const adapt = (text: string): string => text.replaceAll(/(127\.0\.0\.1|localhost):8008/g, `$1:${port}`)
  const outcome: Outcome = { printed: new Map(), skipped: [] }
  const script = [
    'set -eu',
    `servers=""`,
    `trap 'for one in $servers; do kill $one 2>/dev/null || true; wait $one 2>/dev/null || true; done' EXIT`,
    `cd "${work}"`,
  ]
  const ran: { block: Block; output: string }[] = []
  for (const block of page.blocks) {
    const need = option(block, 'needs')
    const file = option(block, 'file')
    if (need !== undefined && missing(need)) {
      outcome.skipped.push({ block, why: `${page.path}:${block.line} is passed over: ${need} is not here` })
      continue
    }
    const output = join(folder, `output-${block.line}`)
    const at = `echo "${page.path}:${block.line}" > "${folder}/at"`
    if (file !== undefined) {
      script.push(`cat > "${file}" <<'LATCHKEY_DOCS_END'\n${adapt(block.text)}LATCHKEY_DOCS_END`)
    } else if (has(block, 'run')) {
      const path = has(block, 'own-node') ? `PATH="${dirname(process.execPath)}:$PATH" ` : ''
      writeFileSync(`${output}.sh`, `set -eu\n${adapt(block.text)}`)
      script.push(
        at,
        path === '' ? `{\n${adapt(block.text)}} > "${output}" 2>&1` : `${path}bash "${output}.sh" > "${output}" 2>&1`,
      )
      ran.push({ block, output })
    } else if (has(block, 'server')) {
      writeFileSync(join(folder, `server-${block.line}.sh`), `exec ${adapt(block.text)}`)
      script.push(
        // What it prints is on standard output; its log, on standard error, is shown when something fails.
        at,
        `bash "${folder}/server-${block.line}.sh" > "${output}" &`,
        'servers="$servers $!"',
        `for i in $(seq 300); do curl -sf -o "${folder}/versions" "http://127.0.0.1:${port}/_matrix/client/versions" && break; sleep 0.1; done`,
        `[ -s "${folder}/versions" ]`,
      )
      ran.push({ block, output })
    }
  }
  // The page's servers listen where the page's commands look for them, whatever their own default is.
  const env = {
    PATH: `${commands(folder)}:${ownPath}`,
    HOME: folder,
    LATCHKEY_LISTEN: `127.0.0.1:${port}`,
    GOCACHE: process.env['GOCACHE'] ?? join(homedir(), '.cache', 'go-build'),
  }
  const { status, stderr } = spawnSync('bash', ['-s'], {
    input: script.join('\n'),
    env,
    encoding: 'utf8',
    timeout: 120_000,
  })
  for (const { block, output } of ran)
    if (existsSync(output)) outcome.printed.set(block, readFileSync(output, 'utf8').replaceAll(`:${port}`, ':8008'))
  try {
    if (status !== 0) {
      const at = existsSync(join(folder, 'at')) ? readFileSync(join(folder, 'at'), 'utf8').trim() : page.path
      throw new assert.AssertionError({
        message: `${at} fails: ${stderr}${[...outcome.printed.values()].slice(-2).join('')}`,
      })
    }
    compareAnswers(page, outcome)
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  return outcome
}

function compareAnswers(page: Page, { printed }: Outcome): void {
  let before: Block | undefined
  for (const block of page.blocks) {
    if (!has(block, 'answer')) {
      if (has(block, 'run') || has(block, 'server')) before = block
      continue
    }
    const said = before && printed.get(before)
    if (said === undefined) continue
    const where = `${page.path}:${block.line}`
    if (block.language === 'json')
      assert.deepEqual(
        shapeOf(JSON.parse(said)),
        shapeOf(JSON.parse(block.text)),
        `${where}: the answer has another shape: ${said}`,
      )
    else assert.match(said.trim(), patternOf(block.text.trim()), `${where}: something else was printed`)
  }
}

/** A value with texts and numbers left out, objects by their keys, lists by their first. */
const shapeOf = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.slice(0, 1).map(shapeOf)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shapeOf(inner)]))
      : typeof value

/** "…" stands for anything, on one line or over several. */
const patternOf = (text: string): RegExp =>
  new RegExp(
    `^${text
      .split('…')
      .map((part) => RegExp.escape(part))
      .join('[\\s\\S]*?')}$`,
  )
