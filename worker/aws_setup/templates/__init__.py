"""The same wiring as files for other tools: CloudFormation, Terraform, AWS's CLI.

``expression`` puts references in the place of names, ``yaml_text`` and ``hcl_text``
write values, ``remarks`` says around them what each file does not do.
"""
