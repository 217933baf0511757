// A real nginx in front of a server, where the machine has one.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './process.ts'

/** Whether there is one. */
export const hasNginx = spawnSync('nginx', ['-v']).status === 0

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** nginx, passing everything on to `target` over one connection that it keeps. */
export interface Nginx extends AsyncDisposable {
  readonly port: number
}

/** @param extra further directives of the location */
export async function startNginx(target: string, extra = ''): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-nginx-'))
  const port = await freePort()
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ')
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
events { worker_connections 512; }
http {
  access_log off; ${temporary}
  upstream latchkey { server ${new URL(target).host}; keepalive 1; }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 50m;
    location / {
      proxy_pass http://latchkey;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      ${extra}
    }
  }
}`,
  )
  const child = spawn('nginx', ['-p', folder, '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-2000)
  })
  const gone = once(child, 'exit')
  for (let turn = 0; !(await answers(port)); turn++) {
    if (turn > 300 || child.exitCode !== null) throw new Error(`nginx does not start: ${said}`)
    await sleep(10)
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await gone
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
