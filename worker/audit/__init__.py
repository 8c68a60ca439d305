"""Who did what, as a question to CloudTrail's files after the fact.

``question`` says what is asked, ``places`` and ``trail`` where the files are,
``reading`` takes them apart, ``scan`` asks them all, ``merge`` keeps the newest
answers, and ``answers`` writes them out. ``following`` asks lines as they come;
``athena`` puts the same question to Athena instead, which ``athena_run`` has it answer.
``quarantined`` finds the objects of a quarantine.
"""
