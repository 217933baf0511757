// Asks the homeserver on behalf of the application that this page is a frame of, if the configuration names its origin (embed.origins).
// All that goes in and out is a credential that the application has, or the session that it gets: nothing is kept here.
const origins = JSON.parse(document.documentElement.dataset.origins)
const base = document.documentElement.dataset.base
const methods = { login: 'POST', refresh: 'POST', logout: 'POST', 'account/whoami': 'GET' }

const ask = async ({ what, body, token }) => {
  if (!Object.hasOwn(methods, what)) throw new TypeError('Nothing of that kind is asked here')
  const method = methods[what]
  const answer = await fetch(`${base}/_matrix/client/v3/${what}`, {
    method,
    credentials: 'omit',
    cache: 'no-store',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    ...(method === 'POST' && { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await answer.json() }
}

addEventListener('message', ({ data, origin, source, ports: [port] }) => {
  // Whoever else speaks to this window, even a page within the application, gets no answer.
  if (data !== 'latchkey' || source !== parent || parent === window || !origins.includes(origin) || !port) return
  port.onmessage = ({ data: { id, ...question } }) => {
    ask(question).then(
      (answer) => port.postMessage({ id, ...answer }),
      (error) => port.postMessage({ id, failed: String(error) }),
    )
  }
  port.postMessage({ ready: true })
})
