// Serves a folder with a built web client on a port of its own, with the configuration that a test gives it.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.ttf': 'font/ttf',
  '.ogg': 'audio/ogg',
}

/** Where the client can be opened. */
export interface Site extends AsyncDisposable {
  url: string
}

/** Starts to serve `folder`; what is no file is the application's own page. */
export async function serveSite(folder: string, config: Record<string, unknown>): Promise<Site> {
  const server = createServer((request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname))
    if (path.endsWith('/config.json')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(config))
      return
    }
    // The application looks for its files beside whatever page it is on.
    const tries = [path, path.slice(Math.max(path.lastIndexOf('/assets/'), 0)), `/${path.split('/').at(-1) ?? ''}`].map(
      (name) => join(folder, name),
    )
    const file = tries.find((name) => existsSync(name) && statSync(name).isFile()) ?? join(folder, 'index.html')
    response.writeHead(200, { 'content-type': types[extname(file)] ?? 'application/octet-stream' })
    createReadStream(file).pipe(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
