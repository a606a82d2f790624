'use strict';
// C40: destroy with an error, and once more with another
const { note, pair } = require('../trace.js');

pair({}, (s, c) => {
  c.destroy(new Error('one'));
  c.destroy(new Error('two'));
  note('C', '.errored', c.errored.message);
});
