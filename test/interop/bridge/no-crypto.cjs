// Stands in for the native encryption of bridges, which is not installed: nothing of it is used.
module.exports = {}
