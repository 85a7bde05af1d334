/** kafkajs computes timeouts below zero, and Node would warn of each. All other warnings are shown. */
const show = process.listeners('warning')
process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name !== 'TimeoutNegativeWarning') for (const listener of show) listener.call(process, warning)
})
