// Loaded into the server's process before it starts: tells of every turn of the event loop that took longer than it may, by the time that
// the processor worked in it. Waiting for a core on a busy machine does not count.
const tickMs = 5
const told = Number(process.env['FUZZ_STALL_MS'] ?? 100)
const spent = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
let last = spent()
// What is loaded at the start, and compiled for the first time, takes longer: nobody waits for that twice.
setTimeout(() => {
  last = spent()
  setInterval(() => {
    const now = spent()
    const took = now - last
    last = now
    if (took > told) process.stderr.write(`${JSON.stringify({ stall: Math.round(took), time: Date.now() })}\n`)
  }, tickMs).unref()
}, 3000).unref()
