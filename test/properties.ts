import fc from 'fast-check';

/**
 * fast-check with the same cases in every run: what fails here fails everywhere, and nothing fails
 * by chance. Who looks for other cases changes the seed.
 */
fc.configureGlobal({ seed: 20_261_121 });

export default fc;
