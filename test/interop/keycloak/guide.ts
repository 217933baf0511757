// The guide docs/setup/keycloak.md, with its commands run and its configuration put together as they stand there.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePage, root } from '../../docs-pages.ts'
import { admin, type Keycloak } from './keycloak.ts'

/** Does what the guide says, in a folder; returns the path of the configuration. */
export const followGuide = (
  { keycloak, home, app }: { keycloak: Keycloak; home: string; app: string },
  folder: string,
): string => {
  const page = parsePage('docs/setup/keycloak.md', readFileSync(join(root, 'docs', 'setup', 'keycloak.md'), 'utf8'))
  const adapt = (text: string): string =>
    text
      .replaceAll('https://login.example.org', keycloak.url)
      .replaceAll('https://matrix.example.org', home)
      .replaceAll('https://app.example.org', app)
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  writeFileSync(
    join(bin, 'npx'),
    `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(root, 'src', 'cli', 'main.ts')}" "$@"\n`,
  )
  chmodSync(join(bin, 'npx'), 0o755)
  const config = join(folder, 'latchkey.yaml')
  let [yaml, printed, ran] = ['', '', 0]
  for (const { language, words, text, line } of page.blocks) {
    const where = `${page.path}:${line}`
    if (words.includes('keycloak-answer')) {
      assert.match(
        printed.trim(),
        new RegExp(
          text
            .trim()
            .split('…')
            .map((part) => RegExp.escape(part))
            .join('[\\s\\S]*'),
        ),
        where,
      )
    } else if (!words.includes('keycloak')) {
      continue
    } else if (language === 'yaml') {
      yaml += adapt(text)
      writeFileSync(config, yaml)
    } else {
      const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', adapt(text)], {
        cwd: folder,
        encoding: 'utf8',
        env: {
          ...process.env,
          HOME: folder,
          PATH: `${bin}:${keycloak.bin}:${process.env['PATH']}`,
          KEYCLOAK_PASSWORD: admin.password,
        },
      })
      printed = stdout
      ran += 1
      assert.equal(status, 0, `${where}: ${stdout}${stderr}`)
    }
  }
  assert.ok(ran > 3 && yaml !== '')
  return config
}
