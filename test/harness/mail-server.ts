import { createServer, type AddressInfo } from 'node:net'

/** A mail server on loopback that keeps what it is given. */
export async function openMailServer() {
  const mails: Array<{ from: string; to: string; data: string }> = []
  const state = { down: false }
  const server = createServer((socket) => {
    if (state.down) return socket.destroy()
    let [from, to, buffer, inData] = ['', '', '', false]
    socket.on('error', () => {}).write('220 sink\r\n')
    return socket.on('data', (chunk: Buffer) => {
      buffer += chunk.toString()
      for (;;) {
        const end = buffer.indexOf(inData ? '\r\n.\r\n' : '\r\n')
        if (end === -1) return
        const line = buffer.slice(0, end)
        buffer = buffer.slice(end + (inData ? 5 : 2))
        if (inData) {
          mails.push({ from, to, data: line })
          inData = false
        } else if (/^MAIL/i.test(line)) from = line
        else if (/^RCPT/i.test(line)) to = line
        else if (/^DATA/i.test(line)) {
          inData = true
          socket.write('354 go on\r\n')
          continue
        }
        socket.write('250 ok\r\n')
      }
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    mails,
    state,
    close: () => {
      server.close()
    },
  }
}

/** The text of a mail without what its encoding adds to long lines and to equals signs. */
export const unquoted = (data: string): string => data.replaceAll('=\r\n', '').replaceAll('=3D', '=')
